/** In the place of the lists of Cloudscape that are sorted by dragging: no page has one, and this says so to whoever makes one. */
export default function SortableArea(): never {
  throw new Error('lists that are sorted by dragging are left out of this build: see scripts/console/vite.config.ts');
}
