"""The pages: each route parses, calls one service, and renders a template."""
