"""The verdict over everything that a release needs but signatures, from what is stored now.

What belongs here: gathering the evidence of a package for the pure verdict. What does not: the
verdict (:mod:`clinical_assets.evidence.release`) and the signatures (``resources/stages.py``). The
approval record, the checks that show it and the release all ask here, so they cannot differ.
"""

from dagster import DagsterInstance

from clinical_assets.evidence.package_record import PackageRecord
from clinical_assets.evidence.release import PackageEvidence, changes_since, judge_release
from clinical_assets.gates import GATES
from clinical_assets.keys import ModelKeys, gate_keys
from clinical_assets.lifecycle.decided_again import decided_again
from clinical_assets.lifecycle.rival import rival_of
from clinical_assets.modelling.protocol import protocol_digest
from clinical_assets.modelling.records import Evaluation, Verdict
from clinical_assets.modelling.spec import ClinicalModel
from resources.evidence import EvidenceReader
from resources.in_force import InForce


def release_verdict(
    spec: ClinicalModel,
    package: PackageRecord,
    evaluation: Evaluation,
    instance: DagsterInstance,
    in_force: InForce,
) -> Verdict:
    """Whether every gate passed about what is stored now, and the package is intact."""
    packages = in_force.packages
    keys, reader = ModelKeys(spec.name), EvidenceReader(instance)
    guarded = [getattr(keys, asset) for asset in dict.fromkeys(GATES.values())]
    problems = packages.problems(package)
    again = {} if problems else decided_again(spec, packages.load(package))
    evidence = PackageEvidence(
        package.version,
        package.digest,
        problems,
        stale=reader.newer_than(keys.package, [k for k in guarded if k != keys.package]),
        outdated=changes_since(
            package,
            evaluation,
            newest_package=reader.newest(keys.package, "digest"),
            criteria=protocol_digest(spec),
            rival=rival_of(spec, package.version, in_force, reader),
            judged_again=again,
        ),
    )
    return judge_release(reader.gates(gate_keys(spec.name)), evidence)
