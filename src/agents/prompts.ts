import type { Domain, Perspective } from '../contracts/analysis.ts';

/** What every agent of a run is told. */
export interface Assignment {
  readonly topic: string;
  readonly domains: readonly Domain[];
  /** The role that the caller gave the run, a name or a description. */
  readonly role?: string | undefined;
}

/** What every example of a good answer is about; a model that copies one is found out by comparison. */
export const exampleTopic = 'Food waste in a school kitchen';

const commonEnglish = /\b(?:the|of|and|to|in|our|for|on|is|should|how|what|a)\b/i;

/** A guess from letters and common words. */
export const isEnglish = (topic: string): boolean => /^[\p{ASCII}\p{P}]*$/u.test(topic) && commonEnglish.test(topic);

/** Small models drift into other languages unless one is named. */
export function toLanguageRule(topic: string): string {
  return isEnglish(topic) ? 'Write in plain English.' : 'Write in the language of the topic.';
}

/** The system prompt of one perspective. */
export function toPerspectiveSystem(perspective: Perspective, assignment: Assignment): string {
  return [
    perspective.role,
    ...(isMeaningful(assignment.role) ? [`You work for: ${assignment.role}.`] : []),
    toLanguageRule(assignment.topic),
    'You write short, plain sentences. You never say the same thing twice.',
  ].join(' ');
}

/** Old clients send the names of configured roles, which say nothing to a model. */
function isMeaningful(role: string | undefined): role is string {
  return role !== undefined && /\s/.test(role.trim());
}

/** The lines that state topic and fields. */
export function toTopicLines({ topic, domains }: Assignment): string[] {
  const fields = domains.map((domain) => domain.name.toLowerCase()).join(', ');
  return [`Topic: ${topic}`, ...(fields === '' ? [] : [`Seen from: ${fields}`])];
}
