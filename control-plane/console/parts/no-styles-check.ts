/**
 * In the place of what reports pages without styles to whoever makes Cloudscape: the styles of this one come with its
 * scripts or not at all. It would cost each component a timer, and each that goes an error with its stack.
 */
export function useMissingStylesCheck(): void {
  // Nobody is told.
}
