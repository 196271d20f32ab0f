"""Load: whole sessions played against a target by Locust, and what became of every message.

Only `locustfile`, `voyage` and `locust_client` know Locust and gevent; everything else here is plain
Python that tests import.
"""
