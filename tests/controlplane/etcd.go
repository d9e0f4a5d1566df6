// The part that is etcd, with upstream's own command line: any etcd 3.6 could
// take its place.

package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

// runEtcd ends the process itself when the member stops.
func runEtcd() int {
	etcdmain.Main(os.Args)
	return 0
}
