"""The job of a baseline: candidate pipelines, cross-validated in a locked worker."""
