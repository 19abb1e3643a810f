"""mini-swe-agent's own agent as an arm, over our sandbox and our way to the models."""
