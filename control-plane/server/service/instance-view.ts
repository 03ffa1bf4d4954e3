import {
  ComponentName,
  DETAIL_CHARS_MAX,
  explain,
  printable,
  type AgentView,
  type ComponentMap,
  type Instance,
} from '#protocol';
import type { AgentReason, InstanceRecord } from '../store/records.ts';

/** An instance as clients see it. What an agent said is made fit for terminals and pages once more. */
export function viewOfInstance(record: InstanceRecord): Instance {
  const { id, name, os, power, project, tags, createdAt } = record;
  return { id, name, os, power, project, tags: { ...tags }, agent: viewOfAgent(record), createdAt };
}

function viewOfAgent(record: InstanceRecord): AgentView {
  const claim = (text: string | undefined) => (text === undefined ? null : printable(text));
  return {
    state: record.agentState,
    reasons: reasonsOf(record).map(viewOfReason),
    components: viewOfComponents(record.components),
    version: claim(record.agentVersion ?? undefined),
    hostname: claim(record.facts?.hostname),
    osVersion: claim(record.facts?.osVersion),
    identityKey: record.identityKey,
    identity: record.identity,
    connectedSince: record.connectedSince,
    lastSeenAt: record.lastSeenAt,
  };
}

/** A fence is always among the reasons, so that nobody meets a blocked instance without being told why. */
function reasonsOf(record: InstanceRecord): readonly AgentReason[] {
  const told = record.reasons.some((reason) => reason.code === 'identity-cloned' || reason.code === 'continuity-lost');
  if (record.fencedAt === null || told) return record.reasons;
  return [{ component: null, code: 'identity-cloned', detail: null, since: record.fencedAt }, ...record.reasons];
}

function viewOfReason(reason: AgentReason): AgentView['reasons'][number] {
  const { message, remedy } = explain(reason.code);
  const component = ComponentName.safeParse(reason.component);
  return {
    component: component.success ? component.data : null,
    code: reason.code,
    message,
    remedy,
    detail: reason.detail === null ? null : printable(reason.detail, DETAIL_CHARS_MAX),
    since: reason.since,
  };
}

function viewOfComponents(components: ComponentMap): ComponentMap {
  const view: ComponentMap = {};
  for (const name of ComponentName.options) {
    const status = components[name];
    if (status === undefined) continue;
    if (status.state === 'ok') {
      view[name] = { state: 'ok' };
    } else {
      const detail = status.detail === null ? null : printable(status.detail, DETAIL_CHARS_MAX);
      view[name] = { state: 'failing', code: status.code, detail };
    }
  }
  return view;
}
