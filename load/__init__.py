"""Load: whole sessions played against a target by Locust, and what became of every message.

Locust is known to `locustfile` and to what it plays (`alone`, `master`, `worker`, `voyage`), and gevent besides to who
works there (`hand`, `harbour`, `side`, `duel`, `selfcheck`) and to the client (`locust_client`, `token_line`, `arrival`
and their neighbours). All else is plain Python, which judges, counts and searches.
"""
