"""The field's drift tools beside ours, on the same files."""
