# The gateway, for those who register by file: put it into the Consul agent's configuration folder and reload the agent.
# An instance that registers itself (VIVA_DISCOVERY_URL=consul://…) finds this registration by its port, uses it instead of
# a second one, and takes it into maintenance while it stops.

service {
  name = "gateway-service"
  port = 8000
  tags = ["api", "v1"]

  check {
    http     = "http://localhost:8000/health"
    interval = "10s"
    timeout  = "2s"
  }
}
