// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package tools names what this module exists for: it pins the Consul that tests and trials run.
package tools

import _ "github.com/hashicorp/consul"
