"""What a version says when one or two features move, and which features moved an answer."""
