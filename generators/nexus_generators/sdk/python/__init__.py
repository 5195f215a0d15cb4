"""The Python client: httpx2, pydantic models, a synchronous and an asynchronous client, typed throughout."""
