"""A fitted pipeline as bytes: ONNX to run, skops to inspect; never pickle (CYB-04).

ONNX is the model's identity: same rows, spec and versions give the same bytes. A skops file is a
zip with times and memory addresses in it; :func:`to_skops` rewrites it, so that it is stable too.
"""

import io
import itertools
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.spec import ClinicalModel

# Fixed, so that a newer converter does not silently change the operators of an old model.
ONNX_OPSET = {"": 21, "ai.onnx.ml": 3}
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def to_onnx(spec: ClinicalModel, pipeline: Any) -> bytes:
    """The pipeline as ONNX: input ``inputs`` float32 (rows × ``spec.inputs``), output
    ``probabilities`` float32 (rows × 2), with the names of the inputs in its metadata."""
    from onnx.helper import set_model_props
    from skl2onnx import to_onnx as convert
    from skl2onnx.common.data_types import FloatTensorType

    model = convert(
        _convertible(pipeline),
        initial_types=[("inputs", FloatTensorType([None, len(spec.inputs)]))],
        name=spec.name,
        target_opset=ONNX_OPSET,
        options={"zipmap": False},
    )
    set_model_props(
        model, {"model": spec.name, "spec": spec.digest, "inputs": json.dumps(spec.inputs)}
    )
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _convertible(pipeline: Any) -> Any:
    """The pipeline in a form that skl2onnx converts rightly.

    A binary linear discriminant answers with the logistic function of its decision value, as a
    logistic regression with the same weights does; skl2onnx 1.20 doubles that value. So the
    weights are handed over as those of a logistic regression.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    last = pipeline[-1]
    if not isinstance(last, LinearDiscriminantAnalysis):
        return pipeline
    same = LogisticRegression()
    same.classes_, same.coef_, same.intercept_ = last.classes_, last.coef_, last.intercept_
    same.n_features_in_ = last.n_features_in_
    return Pipeline([*pipeline.steps[:-1], ("logisticregression", same)])


class OnnxModel:
    """A model loaded from ONNX bytes.

    One thread: rows are few, and the order of additions must not depend on the machine's cores.
    """

    def __init__(self, data: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises many types of its own
            raise ClinicalError(
                "The model's ONNX bytes cannot be loaded",
                repair="Verify the package with `clinical package verify`, then restore it",
            ) from error

    def probabilities(self, inputs: pl.DataFrame) -> NDArray[np.float64]:
        """Probability of the positive class, one for each row of ``inputs``."""
        matrix = np.ascontiguousarray(inputs.to_numpy(), dtype=np.float32)
        outputs = self._session.run(["probabilities"], {"inputs": matrix})
        positive: NDArray[np.float64] = np.asarray(outputs[0], dtype=np.float64)[:, 1]
        return positive


def parity(pipeline: Any, onnx: bytes, inputs: pl.DataFrame) -> float:
    """Largest absolute difference between the pipeline's and the ONNX model's probabilities."""
    ours = OnnxModel(onnx).probabilities(inputs)
    theirs = pipeline.predict_proba(inputs.to_numpy())[:, 1]
    return float(np.max(np.abs(ours - theirs)))


def to_skops(pipeline: Any) -> bytes:
    """The pipeline as a skops file whose bytes depend on its content only.

    skops names objects by their memory address, so that equal numbers that happen to be one object
    in one process and two in another give other bytes; and it stamps each member with the time.
    Here objects are numbered one by one, arrays are named by their SHA-256, and members carry the
    epoch of the zip format. A shared object becomes two equal ones, which predict alike.
    """
    import skops.io

    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(pipeline))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members.pop("schema.json"))
    names = {name: sha256(data) + Path(name).suffix for name, data in members.items()}
    _renumber(schema, names, itertools.count(1))
    files = {names[name]: data for name, data in members.items()}
    files["schema.json"] = json.dumps(schema, indent=2).encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _ZIP_EPOCH), data, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _renumber(node: Any, names: Mapping[str, str], numbers: Iterator[int]) -> None:
    """Gives every object below ``node`` its own number, and every array its new file name."""
    if isinstance(node, list):
        for item in node:
            _renumber(item, names, numbers)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "__id__":
                node[key] = next(numbers)
            elif key == "file" and value in names:
                node[key] = names[value]
            else:
                _renumber(value, names, numbers)
