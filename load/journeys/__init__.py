"""Journeys: what a person does at a deployment, written once against an actor, for both APIs."""
