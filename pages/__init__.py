"""The pages, one file each; `_main.py` is the frame around them."""
