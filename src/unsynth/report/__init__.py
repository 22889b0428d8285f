"""What users see of results: a match's folder and report, and datasets in words."""
