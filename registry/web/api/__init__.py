"""The API under /api/v1: routers over the doors of the registry, admission, cursors, problems."""
