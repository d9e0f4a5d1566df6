//! The codes that the API page documents, one constant each.

pub const TENANT_ID_NOT_FOUND: &str = "VIRMT_TenantWithSpecifiedIdNotFound";
pub const MANDATORY_MISSING: &str = "VIRMT_MandatoryParameterIsNotSpecified";
pub const INVALID_TENANT_TYPE: &str = "VIRMT_InvalidTenantType";
pub const VKSC_CREDENTIALS_MISSING: &str = "VIRMT_VKscCredentialsNotSpecified";
pub const INVALID_VIIS_ADDRESS: &str = "VIRMT_InvalidViisAddressFormat";
pub const KSC_NOT_CONFIGURED: &str = "KSC_ServiceNotConfigured";
pub const GROUP_EXISTS: &str = "VIRMT_TenantGroupAlreadyExists";
pub const TENANT_NAME_EXISTS: &str = "VIRMT_TenantWithSpecifiedNameAlreadyExists";
pub const PASSWORD_POLICY: &str = "VIRMT_PasswordNotComplyPolicy";
pub const USER_EXISTS: &str = "VIRMT_UserWithSpecifiedNameAlreadyExists";
pub const VM_EXISTS: &str = "VIRMT_VmWithSpecifiedBiosIdAlreadyExists";
pub const VM_NOT_FOUND: &str = "VIRMT_VmWithSpecifiedIdNotFound";
