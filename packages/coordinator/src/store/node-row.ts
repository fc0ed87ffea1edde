import { HEALTHY, NodeHealth } from "@drover/shared/domain/health.ts";
import type { NodeId } from "@drover/shared/domain/ids.ts";
import { Hardware, type NodeAdmin, type NodeLink } from "@drover/shared/domain/node.ts";
import { ResourceCapacity } from "@drover/shared/domain/resources.ts";
import { expectationOf, type ExpectedHardware } from "../core/expected-hardware.ts";
import type { AdminChange, NodeRecord, ReleasedGpu } from "../core/records.ts";

export interface NodeRow {
  id: string;
  name: string;
  link: string;
  link_since_ms: number;
  admin: string;
  agent_version: string;
  boot_id: string;
  capacity: string;
  hardware: string;
  lease_ms: number;
  joined_at_ms: number;
  machine_id: string | null;
  site: string | null;
  gone_since_ms: number | null;
  admin_since_ms: number | null;
  admin_actor: string | null;
  admin_reason: string | null;
  drain_deadline_ms: number | null;
  health: string | null;
  expected_hardware: string | null;
  released_gpus: string | null;
  labels: string;
}

export function nodeRow(node: NodeRecord): NodeRow {
  return {
    id: node.id,
    name: node.name,
    link: node.link,
    link_since_ms: node.linkSinceMs,
    admin: node.admin,
    agent_version: node.agentVersion,
    boot_id: node.bootId,
    capacity: JSON.stringify(node.capacity),
    hardware: JSON.stringify(node.hardware),
    lease_ms: node.leaseMs,
    joined_at_ms: node.joinedAtMs,
    machine_id: node.machineId,
    site: node.site,
    gone_since_ms: node.goneSinceMs,
    admin_since_ms: node.adminChange?.sinceMs ?? null,
    admin_actor: node.adminChange?.actor ?? null,
    admin_reason: node.adminChange?.reason ?? null,
    drain_deadline_ms: node.adminChange?.deadlineMs ?? null,
    health: JSON.stringify(node.health),
    expected_hardware: JSON.stringify(node.expected),
    released_gpus: node.releasedGpus.length === 0 ? null : JSON.stringify(node.releasedGpus),
    labels: JSON.stringify(node.labels),
  };
}

export function nodeRecord(row: NodeRow): NodeRecord {
  const hardware = Hardware.parse(JSON.parse(row.hardware));
  return {
    id: row.id as NodeId,
    name: row.name,
    link: row.link as NodeLink,
    linkSinceMs: row.link_since_ms,
    goneSinceMs: row.gone_since_ms,
    admin: row.admin as NodeAdmin,
    adminChange: adminChange(row),
    agentVersion: row.agent_version,
    bootId: row.boot_id,
    machineId: row.machine_id,
    site: row.site,
    capacity: ResourceCapacity.parse(JSON.parse(row.capacity)),
    hardware,
    health: row.health === null ? HEALTHY : NodeHealth.parse(JSON.parse(row.health)),
    expected:
      row.expected_hardware === null
        ? expectationOf(hardware)
        : (JSON.parse(row.expected_hardware) as ExpectedHardware),
    releasedGpus: row.released_gpus === null ? [] : (JSON.parse(row.released_gpus) as ReleasedGpu[]),
    labels: JSON.parse(row.labels) as Record<string, string>,
    leaseMs: row.lease_ms,
    joinedAtMs: row.joined_at_ms,
  };
}

function adminChange(row: NodeRow): AdminChange | null {
  if (row.admin_since_ms === null || row.admin_actor === null) return null;
  return {
    sinceMs: row.admin_since_ms,
    actor: row.admin_actor,
    reason: row.admin_reason,
    deadlineMs: row.drain_deadline_ms,
  };
}
