"""All reusable Streamlit code; pages are made of these parts."""
