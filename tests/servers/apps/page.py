"""A page of Streamlit's, which runs from its top for each visitor, on a thread of its own."""

import store
import streamlit

for way in ("double", "twin"):
    streamlit.text(store.answer(f"/{way}/11"))
if streamlit.query_params.get("others"):
    streamlit.text(store.answer(f"/meet/{streamlit.query_params['others']}"))
