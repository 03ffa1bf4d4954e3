import type { InputProps } from '@cloudscape-design/components/input';
import { useEffect, useRef, type RefObject } from 'react';

/**
 * For the first field of a dialog. A dialog that opens takes the focus to its close button, and remembers to whom to give
 * it back: a field that took it any earlier would lose it, and be remembered in the place of what was pressed.
 */
export function useFirstField(): RefObject<InputProps.Ref | null> {
  const field = useRef<InputProps.Ref>(null);
  useEffect(() => {
    const frame = requestAnimationFrame(() => field.current?.focus());
    return () => cancelAnimationFrame(frame);
  }, []);
  return field;
}
