-- The health of a Tenant, a VirtualMachine or an IntegrationServer of viis-operator:
-- one script for the three. Their status follows kstatus.
local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

local ready = conditions.Ready
if ready == nil or status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The operator has not looked at it yet." }
end

-- Either goes on only when a person has changed something.
local stalled = conditions.Stalled ~= nil and conditions.Stalled.status == "True"
local in_use = conditions.Removed ~= nil and conditions.Removed.reason == "InUse"

local health = "Progressing"
if stalled or in_use then
  health = "Degraded"
elseif ready.reason == "Suspended" then
  health = "Suspended"
elseif ready.status == "True" and obj.metadata.deletionTimestamp == nil then
  health = "Healthy"
end
return { status = health, message = ready.message }
