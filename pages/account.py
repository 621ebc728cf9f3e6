"""/account: the visitor's own profile, password, sessions, tokens, and the way out."""

import streamlit as st

from pages.parts import account, hooks, session, text, token_list

reg, actor = session.require("search")

st.title("Account")
st.caption(f"{text.escape(actor.username)} · {actor.role}")

account.profile(reg, actor)
account.password()
account.sessions(reg, actor, session.session_id())
token_list.show(reg, actor, account.WIDTH)
hooks.of_person(reg, actor, account.WIDTH)
account.farewell(reg, actor)
