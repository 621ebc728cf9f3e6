"""What the server answers besides pages: uploads, the session cookie, downloads and health."""
