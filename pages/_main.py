"""The frame: who is signed in, which pages there are, and what stands around them."""

from __future__ import annotations

import streamlit as st

from pages.parts import frame, mark, sign_in, travel, who

# File, title, icon, shown in the menu; the first is the start page.
PAGES = {
    "": (
        ("home.py", "Home", "home", True),
        ("models.py", "Models", "deployed_code", True),
        ("upload.py", "Upload", "upload", True),
        ("compare.py", "Compare", "compare_arrows", True),
        ("playground.py", "Playground", "science", True),
        ("train.py", "Train", "model_training", True),
        ("evaluations.py", "Evaluations", "rule", True),
        ("model.py", "Model", "deployed_code", False),
        ("evaluation.py", "Evaluation", "rule", False),
        ("predictions.py", "Predictions", "labs", False),
        ("prediction.py", "Prediction", "labs", False),
        ("account.py", "Account", "person", False),
    ),
    " ": (
        ("activity.py", "Activity", "history", True),
        ("jobs.py", "Jobs", "pending_actions", True),
        ("quarantine.py", "Quarantine", "shield", True),
        ("audit.py", "Audit", "fact_check", True),
        ("admin.py", "Admin", "admin_panel_settings", True),
    ),
}

st.set_page_config(page_title="Vitrine", page_icon=mark.ICON, layout="wide")
mark.look()

actor = who.current()
page = frame.navigation(PAGES, actor)
who.keep_cookie()
if actor is None:
    sign_in.card()
else:
    travel.arrive(page)
    frame.around(actor)
    page.run()
