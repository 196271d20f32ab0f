"""Somewhere to point at: a reference server, a scripted model provider, a real Open WebUI, a fault proxy.

The lab needs no network beyond loopback, except to install an Open WebUI from the package index.
"""
