"""How good the recommender is, measured over several weeks and seeds; run by hand, never by the nightly flow."""
