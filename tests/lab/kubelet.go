package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	v1 "k8s.io/api/core/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/version"
	remote "k8s.io/cri-client/pkg"
	fakeremote "k8s.io/cri-client/pkg/fake"
	cadvisortest "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	"k8s.io/kubernetes/pkg/kubemark"
)

type hollowNode struct {
	name       string
	kubeconfig string
	directory  string
}

// newHollowNodeCommand is cmd/kubemark's hollow-node, less what a shared machine should not have:
// that one serves the kubelet's API, /var/log included, to every interface without authentication,
// and leaves its directories in /tmp when it is killed.
func newHollowNodeCommand() *cobra.Command {
	var node hollowNode
	command := &cobra.Command{
		Use:  "hollow-node",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return node.run(command.Context()) },
	}
	flags := command.Flags()
	flags.StringVar(&node.name, "name", "", "the Node's name")
	flags.StringVar(&node.kubeconfig, "kubeconfig", "", "the kubelet's kubeconfig file")
	flags.StringVar(&node.directory, "root-dir", "", "an empty directory for the kubelet's files")
	for _, name := range []string{"name", "kubeconfig", "root-dir"} {
		_ = command.MarkFlagRequired(name)
	}
	return command
}

// run blocks for as long as the kubelet runs.
func (node *hollowNode) run(ctx context.Context) error {
	flags, config := kubemark.GetHollowKubeletConfig(&kubemark.HollowKubeletOptions{
		NodeName:   node.name,
		MaxPods:    110,
		NodeLabels: map[string]string{},
	})
	_ = os.RemoveAll(flags.RootDirectory) // it was made in /tmp
	flags.RootDirectory = filepath.Join(node.directory, "kubelet")
	config.StaticPodPath = filepath.Join(node.directory, "manifests")
	config.PodLogsDir = filepath.Join(node.directory, "pods")
	for _, path := range []string{flags.RootDirectory, config.StaticPodPath, config.PodLogsDir} {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return err
		}
	}
	config.EnableServer = false
	config.EnableSystemLogHandler = false
	config.Address = "127.0.0.1"
	// Without an address the kubelet asks DNS for the node's name with every status.
	if address, err := utilnet.ChooseHostInterface(); err == nil {
		flags.NodeIP = address.String()
	}

	client, err := node.client(0)
	if err != nil {
		return err
	}
	heartbeat, err := node.client(config.NodeStatusUpdateFrequency.Duration)
	if err != nil {
		return err
	}
	endpoint := "unix://" + filepath.Join(node.directory, "cri.sock")
	containers := fakeremote.NewFakeRemoteRuntime()
	if err := containers.Start(endpoint); err != nil {
		return fmt.Errorf("fake container runtime: %w", err)
	}
	defer containers.Stop()
	service, err := remote.NewRemoteRuntimeServiceBuilder().
		WithEndpoint(endpoint).WithConnectionTimeout(15 * time.Second).Build(ctx)
	if err != nil {
		return fmt.Errorf("container runtime client: %w", err)
	}
	kubemark.NewHollowKubelet(flags, config, client, heartbeat,
		&cadvisortest.Fake{NodeName: node.name}, containers.ImageService, service,
		cm.NewStubContainerManagerWithDevicePluginResource(v1.ResourceList{})).Run(ctx)
	return nil
}

func (node *hollowNode) client(timeout time.Duration) (*clientset.Clientset, error) {
	config, err := clientcmd.BuildConfigFromFlags("", node.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	// As the kubelet calls itself: audit logs are read by this name.
	config.UserAgent = fmt.Sprintf("kubelet/%s (%s/%s) kubernetes/lab",
		version.Get().GitVersion, runtime.GOOS, runtime.GOARCH)
	config.Timeout = timeout
	config.ContentType = "application/vnd.kubernetes.protobuf"
	return clientset.NewForConfig(config)
}
