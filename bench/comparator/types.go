// Package main is the benchmark comparator: a plain operator for the same resources, written with
// controller-runtime. See README.md for what it does and what it leaves out.
// +kubebuilder:object:generate=true
package main

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var groupVersion = schema.GroupVersion{Group: "viis-operator.io", Version: "v1alpha1"}

func addToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(groupVersion, &IntegrationServer{}, &IntegrationServerList{}, &Tenant{}, &TenantList{},
		&VirtualMachine{}, &VirtualMachineList{})
	metav1.AddToGroupVersion(s, groupVersion)
	return nil
}

type LocalRef struct {
	Name string `json:"name"`
}

type SecretKeyRef struct {
	Name string `json:"name"`
	Key  string `json:"key,omitempty"`
}

type TLS struct {
	CABundle           string   `json:"caBundle,omitempty"`
	FingerprintsSHA256 []string `json:"fingerprintsSHA256,omitempty"`
}

type AllowedNamespaces struct {
	From     string                `json:"from,omitempty"`
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

type Limits struct {
	ConcurrentTasks   int `json:"concurrentTasks,omitempty"`
	RequestsPerSecond int `json:"requestsPerSecond,omitempty"`
}

type IntegrationServerSpec struct {
	Address              string            `json:"address"`
	Port                 int               `json:"port,omitempty"`
	CredentialsSecretRef LocalRef          `json:"credentialsSecretRef"`
	TLS                  *TLS              `json:"tls,omitempty"`
	AllowedNamespaces    AllowedNamespaces `json:"allowedNamespaces"`
	AdoptionPolicy       string            `json:"adoptionPolicy,omitempty"`
	Suspend              bool              `json:"suspend,omitempty"`
	ResyncInterval       *metav1.Duration  `json:"resyncInterval,omitempty"`
	Limits               *Limits           `json:"limits,omitempty"`
}

type TenantCounts struct {
	Known  int `json:"known"`
	Active int `json:"active"`
	// Always 0: this operator does not compare the server with its resources.
	Unclaimed int `json:"unclaimed"`
}

type IntegrationServerStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Tenants            *TenantCounts      `json:"tenants,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
}

// +kubebuilder:object:root=true
type IntegrationServer struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              IntegrationServerSpec   `json:"spec"`
	Status            IntegrationServerStatus `json:"status,omitempty"`
}

// +kubebuilder:object:root=true
type IntegrationServerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []IntegrationServer `json:"items"`
}

type Administrator struct {
	Name              string       `json:"name"`
	PasswordSecretRef SecretKeyRef `json:"passwordSecretRef"`
}

type TenantSpec struct {
	IntegrationServerRef  LocalRef       `json:"integrationServerRef"`
	Name                  string         `json:"name,omitempty"`
	Type                  string         `json:"type"`
	Description           string         `json:"description,omitempty"`
	UserData              string         `json:"userData,omitempty"`
	PreferredViisAddress  string         `json:"preferredVIISAddress,omitempty"`
	Administrator         *Administrator `json:"administrator,omitempty"`
	State                 string         `json:"state,omitempty"`
	ExistingTenantID      string         `json:"existingTenantID,omitempty"`
	AdoptionPolicy        string         `json:"adoptionPolicy,omitempty"`
	DeletionPolicy        string         `json:"deletionPolicy,omitempty"`
	RemoveTenantArtifacts *bool          `json:"removeTenantArtifacts,omitempty"`
	Suspend               bool           `json:"suspend,omitempty"`
}

type TaskError struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

type TaskStatus struct {
	ID       string     `json:"id"`
	Type     string     `json:"type,omitempty"`
	State    string     `json:"state,omitempty"`
	Stage    string     `json:"stage,omitempty"`
	Progress int        `json:"progress,omitempty"`
	Created  string     `json:"created,omitempty"`
	Error    *TaskError `json:"error,omitempty"`
}

type TenantStatus struct {
	ObservedGeneration            int64              `json:"observedGeneration,omitempty"`
	TenantID                      string             `json:"tenantID,omitempty"`
	VirtualAdministrationServerID string             `json:"virtualAdministrationServerID,omitempty"`
	State                         string             `json:"state,omitempty"`
	VirtualMachines               int                `json:"virtualMachines,omitempty"`
	Task                          *TaskStatus        `json:"task,omitempty"`
	Conditions                    []metav1.Condition `json:"conditions,omitempty"`
}

// +kubebuilder:object:root=true
type Tenant struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              TenantSpec   `json:"spec"`
	Status            TenantStatus `json:"status,omitempty"`
}

func (t *Tenant) externalName() string { return orDefault(t.Spec.Name, t.Name) }

// +kubebuilder:object:root=true
type TenantList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Tenant `json:"items"`
}

type VirtualMachineSpec struct {
	TenantRef      LocalRef `json:"tenantRef"`
	BiosID         string   `json:"biosID"`
	Name           string   `json:"name,omitempty"`
	UserData       string   `json:"userData,omitempty"`
	DeletionPolicy string   `json:"deletionPolicy,omitempty"`
}

type VirtualMachineStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	VirtualMachineID   string             `json:"virtualMachineID,omitempty"`
	TenantID           string             `json:"tenantID,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
}

// +kubebuilder:object:root=true
type VirtualMachine struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              VirtualMachineSpec   `json:"spec"`
	Status            VirtualMachineStatus `json:"status,omitempty"`
}

// +kubebuilder:object:root=true
type VirtualMachineList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []VirtualMachine `json:"items"`
}

func orDefault(s, d string) string {
	if s == "" {
		return d
	}
	return s
}
