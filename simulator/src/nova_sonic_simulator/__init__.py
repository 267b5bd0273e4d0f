"""A local server that speaks Amazon Nova Sonic's bidirectional protocol.

It answers `InvokeModelWithBidirectionalStream` on this machine, so that any AWS SDK can hold a voice
conversation with no AWS account. `README.md` says how to start it and what it imitates.
"""
