"""Commands for whoever develops Vitrine; nothing here runs on a server."""
