"""An asset graph that makes clinical machine learning inspectable."""

__version__ = "0.1.0"
