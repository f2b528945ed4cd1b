# The emotion service, for those who register by file: put it into the Consul agent's configuration folder and reload the agent.
# An instance that registers itself (VIVA_DISCOVERY_URL=consul://…) finds this registration by its port, uses it instead of
# a second one, and takes it into maintenance while it stops.

service {
  name = "emotion-service"
  port = 8081
  tags = ["ml", "grpc"]

  check {
    grpc     = "localhost:8081"
    interval = "10s"
    timeout  = "2s"
  }
}
