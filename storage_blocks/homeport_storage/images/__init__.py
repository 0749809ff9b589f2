"""Code in Docker images: an environment and a layer of code, built, pushed, checked, fetched without an engine."""
