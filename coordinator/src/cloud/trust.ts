import type { DirectRelationship } from '../plan/trust/cloud-trust.ts';
import type { DirectTrust, TrustSettings } from './answers.ts';

/** The relationship of this name, whose CA stands in it. */
export const directNamed = ({ direct = [] }: TrustSettings, name: string): DirectTrust | undefined =>
  direct.find((one) => one.name === name);

/** The trust settings with this relationship in the place of the one of its name, or without that; all others stay, of every kind. */
export const withDirect = (settings: TrustSettings, name: string, wanted: DirectRelationship | null): TrustSettings => {
  const { direct = [] } = settings;
  const standing = directNamed(settings, name);
  const others = direct.filter((one) => one !== standing);
  if (wanted === null) return { ...settings, direct: others };
  const kept = standing?.uid === undefined ? {} : { uid: standing.uid };
  // A copy, since the one of a plan must not be changed.
  return { ...settings, direct: [...others, { ...structuredClone(wanted as DirectTrust), ...kept }] };
};
