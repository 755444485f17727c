/** A node's data path. */
export interface Disk {
  readonly totalBytes: number;
  readonly availableBytes: number;
}

/**
 * A disk watermark as Elasticsearch reads `cluster.routing.allocation.disk.watermark.*`: a share of the disk that may be used, of which the free rest counts
 * up to the headroom only (a large disk is not full at 85 % with terabytes free), or a number of bytes that must be free.
 */
export type Watermark =
  | { readonly usedShare: number; readonly maxHeadroomBytes: number }
  | { readonly freeBytes: number };

const units: Readonly<Record<string, number>> = {
  b: 1,
  kb: 2 ** 10,
  mb: 2 ** 20,
  gb: 2 ** 30,
  tb: 2 ** 40,
  pb: 2 ** 50,
};

/** Reads a byte size such as `200gb`; null when it is none (`-1` stands for no limit). */
const bytes = (text: string): number | null => {
  const match = /^(\d+(?:\.\d+)?)(b|kb|mb|gb|tb|pb)$/i.exec(text.trim());
  return match ? Number(match[1]) * (units[match[2]?.toLowerCase() ?? ''] ?? 0) : null;
};

/** Reads a watermark (`85%`, `0.85`, `50gb`) and its headroom; null when the text is none of these. */
export const parseWatermark = (text: string, headroom: string): Watermark | null => {
  const share = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (text !== '' && Number.isFinite(share))
    return { usedShare: share, maxHeadroomBytes: bytes(headroom) ?? Number.POSITIVE_INFINITY };
  const free = bytes(text);
  return free === null ? null : { freeBytes: free };
};

/** Whether less is free than the watermark wants. */
export const isOver = (disk: Disk, mark: Watermark): boolean => {
  const wanted =
    'freeBytes' in mark ? mark.freeBytes : Math.min((1 - mark.usedShare) * disk.totalBytes, mark.maxHeadroomBytes);
  return disk.availableBytes <= wanted;
};

export const usedShare = ({ totalBytes, availableBytes }: Disk): number => 1 - availableBytes / totalBytes;
