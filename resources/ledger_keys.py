"""Provisional."""

from pathlib import Path

from clinical_assets.ledger.checkpoint import PublicKey, SigningKey


class LedgerKeys:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._k: SigningKey | None = None

    def signing(self, name: str) -> SigningKey:
        if self._k is None:
            path = self.folder / "ledger-signing.pem"
            if not path.exists():
                self.folder.mkdir(parents=True, exist_ok=True)
                path.write_bytes(SigningKey.generate(name).pem)
            self._k = SigningKey.from_pem(name, path.read_bytes())
            self._name = name
            (self.folder / "name").write_text(name)
        return self._k

    def trusted(self) -> tuple[PublicKey, ...]:
        return (self.signing((self.folder / "name").read_text()).public,)
