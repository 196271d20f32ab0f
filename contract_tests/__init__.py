"""The pytest suite that holds a target to `openapi.yaml`.

    seatrial verify URL                                        # starts it, and reports
    SEATRIAL_URL=... SEATRIAL_ADMIN=... pytest contract_tests  # by hand, from a checkout

It records findings, checks and coverage in a run folder (see `seatrial.records`); `rules` lists what it looks for.
"""
