"""The gates that a release decides once more, from the package itself.

Dagster keeps what a gate decided, but whoever can write into its event log can claim a decision.
Every gate whose evidence lies in the package is therefore judged again when it is to be released.
Not among them: the contracts and the rebuild, which take Dagster's word, and the integrity of the
package, which is verified apart.
"""

import json

from clinical_assets.canonical import from_plain
from clinical_assets.modelling.acceptance import judge_evaluation, judge_parity
from clinical_assets.modelling.champion import KeptModel
from clinical_assets.modelling.independence import judge_split
from clinical_assets.modelling.leakage import judge_leakage
from clinical_assets.modelling.records import Evaluation, Verdict
from clinical_assets.modelling.spec import ClinicalModel


def decided_again(spec: ClinicalModel, kept: KeptModel) -> dict[str, Verdict]:
    """The verdict of each such gate, by its name."""
    evaluation = from_plain(Evaluation, json.loads(kept.evaluation))
    recipe = kept.candidate.recipe
    return {
        "split_independence": judge_split(spec, kept.dataset, kept.split),
        "no_target_leakage": judge_leakage(spec, kept.dataset, kept.split, kept.features, recipe),
        "onnx_parity": judge_parity(kept.candidate.parity, spec.acceptance),
        **judge_evaluation(spec, evaluation),
    }
