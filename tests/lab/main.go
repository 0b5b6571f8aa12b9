// Command lab runs the real Kubernetes components of the lab, chosen by its first argument, or by
// the name that it is called by: kube-apiserver, kube-controller-manager, hollow-node (the kubelet's
// own code over a fake container runtime), or kubectl. One binary, because they share nearly
// everything that takes long to link.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

var components = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllermanager.NewControllerManagerCommand,
	"hollow-node":             newHollowNodeCommand,
	"kubectl":                 kubectl.NewDefaultKubectlCommand,
}

func main() {
	if _, known := components[filepath.Base(os.Args[0])]; !known && len(os.Args) > 1 {
		os.Args = os.Args[1:]
	}
	if command, known := components[filepath.Base(os.Args[0])]; known {
		os.Exit(cli.Run(command()))
	}
	fmt.Fprintln(os.Stderr, "usage: lab kube-apiserver|kube-controller-manager|hollow-node|kubectl FLAGS")
	os.Exit(2)
}
