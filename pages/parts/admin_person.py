"""One person in an administrator's hands: role, permissions, quota, the way back in, the end."""

from __future__ import annotations

import streamlit as st

from pages.parts import cards, notices, text
from registry import accounts, governing
from registry.core import Registry
from registry.errors import InvalidInput
from registry.policy import PERMISSIONS
from registry.records import ROLES, Actor, Person

_ORDER = ("search", "predict", "download", "upload", "delete", "admin")
_ABOUT = {
    "search": "Look at models",
    "predict": "Predict",
    "download": "Download",
    "upload": "Upload and change",
    "delete": "Delete",
    "admin": "Administer",
}


def show(reg: Registry, actor: Actor, one: Person) -> None:
    """What can be changed about a person, side by side."""
    state = cards.chip("disabled", "red", ":material/block:") if one.disabled else ""
    st.subheader(f"{text.escape(one.name)} :gray[{text.escape(one.username)}]", anchor=False)
    seen = f"seen {text.ago(one.seen_at)}" if one.seen_at else "never seen"
    st.markdown(f"{state} :gray[{text.escape(one.email, 254)} · {seen}]")
    left, middle, right = st.columns(3, gap="large")
    with left:
        _role(reg, actor, one)
        _permissions(reg, actor, one)
    with middle:
        _quota(reg, actor, one)
    with right:
        _account(reg, actor, one)


def once(code: str, about: str) -> None:
    """A code that is shown once."""
    st.code(code, language=None)
    st.caption(f"{about} Shown once; hand it over yourself: no mail is sent.")


def _role(reg: Registry, actor: Actor, one: Person) -> None:
    with st.form(f"admin.role.{one.username}.{one.role}", border=False):
        row = st.container(horizontal=True, vertical_alignment="bottom")
        role = row.selectbox("Role of the account", ROLES, index=ROLES.index(one.role))
        sent = row.form_submit_button("Change role")
    if sent:
        with notices.shown(stop=False):
            governing.set_role(reg, actor, one.username, role)
            cards.done(f"{one.username} is {role} now")


def _permissions(reg: Registry, actor: Actor, one: Person) -> None:
    of_role = [name for name in _ORDER if name in PERMISSIONS[one.role]]
    has = [name for name in of_role if name not in one.denied]
    with st.form(f"admin.may.{one.username}.{one.role}.{'.'.join(has)}", border=False):
        chosen = st.pills(
            "May", of_role, selection_mode="multi", default=has, format_func=_ABOUT.__getitem__,
            help="Of what the role allows. It counts at once, for open sessions and tokens too.",
        )  # fmt: skip
        sent = st.form_submit_button("Save permissions")
    if sent:
        with notices.shown(stop=False):
            after = governing.permit(reg, actor, one.username, chosen)
            lacks = text.listing([_ABOUT[name].lower() for name in after.denied])
            cards.done(f"{one.username} may not {lacks}" if lacks else "All of the role is back")


def _quota(reg: Registry, actor: Actor, one: Person) -> None:
    kept = text.size(one.quota.size_bytes)
    with st.form(f"admin.quota.{one.username}", border=False):
        st.markdown(f"Keeps **{kept}** in **{text.count(one.quota.n_models, 'model')}**")
        everybody = "as for everybody"
        size = st.number_input(
            "Most MiB", 0, governing.MOST_MB, one.quota_mb, placeholder=everybody,
            help="Empty: what the settings say. 0: no limit.",
        )  # fmt: skip
        models = st.number_input(
            "Most models", 0, governing.MOST_MODELS, one.quota_models, placeholder=everybody
        )
        sent = st.form_submit_button("Save quota")
    if sent:
        with notices.shown(stop=False):
            governing.set_quota(reg, actor, one.username, quota_mb=size, quota_models=models)
            cards.done(f"The quota of {one.username} is saved")


def _account(reg: Registry, actor: Actor, one: Person) -> None:
    own = "this is your own account: use the Account page" if one.username == actor.username else ""
    st.markdown("Account")
    row = st.container(horizontal=True)
    with row:
        reset = cards.action("Make reset code", key="admin.reset")
        label = "Let in again" if one.disabled else "Lock out"
        lock = cards.action(label, own, key="admin.lock", icon=":material/lock:")
        gone = cards.action("Delete", own, key="admin.delete", icon=":material/delete_forever:")
    with notices.shown(stop=False):
        if reset:
            once(accounts.reset_code(reg, one.username, actor), "Good for 24 hours.")
        if lock:
            accounts.set_disabled(reg, actor, one.username, not one.disabled)
            cards.done(f"{one.username} is {'let in again' if one.disabled else 'locked out'}")
    if gone:
        remove(reg, actor, one)


@st.dialog("Delete an account")
def remove(reg: Registry, actor: Actor, one: Person) -> None:
    """Says what goes, asks who gets the models."""
    n = text.count(one.quota.n_models, "model")
    st.markdown(f"**{text.escape(one.username)}** goes for good, with data sets and tokens.")
    with st.form("admin.remove", border=False):
        heir = st.text_input(
            f"Who gets the {n}?", placeholder="user name; empty: the models go too",
            autocomplete="off",
        )  # fmt: skip
        typed = st.text_input(f"Type {text.escape(one.username)} to confirm", autocomplete="off")
        sent = st.form_submit_button("Delete account", type="primary")
    if sent:
        with notices.shown(stop=False):
            if typed.strip() != one.username:
                raise InvalidInput({"user name": f"must be typed as {one.username}"})
            governing.remove(reg, actor, one.username, (heir or "").strip())
            st.query_params.pop("user", None)
            cards.done(f"{one.username} is deleted")
