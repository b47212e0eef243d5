"""The ledger's pure part: entries, Merkle tree, checkpoints, proofs and their verification."""
