"""What is shown to an inspector: cards, datasheets, SBOM, packages, signatures. Pure."""
