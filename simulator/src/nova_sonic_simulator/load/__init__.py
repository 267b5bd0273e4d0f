"""Load mode: an endpoint that costs little and checks nothing, for load tests of clients."""
