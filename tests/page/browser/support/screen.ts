/** What somebody has before them: the window's size, touch, and the system's colours. */
export interface Screen {
  readonly name: string;
  readonly viewport: { readonly width: number; readonly height: number };
  readonly hasTouch?: boolean;
  readonly isMobile?: boolean;
  readonly colorScheme: "light" | "dark";
}

/** A laptop's window. */
export const DESKTOP: Screen = {
  name: "desktop",
  viewport: { width: 1280, height: 800 },
  colorScheme: "light",
};

/** A phone, upright. */
export const PHONE: Screen = {
  name: "phone",
  viewport: { width: 390, height: 844 },
  hasTouch: true,
  isMobile: true,
  colorScheme: "light",
};

/** The same screen in a system that is set to dark. */
export function dark(screen: Screen): Screen {
  return { ...screen, name: `${screen.name}, dark`, colorScheme: "dark" };
}

/** Every screen that each view is looked at on. */
export const SCREENS: readonly Screen[] = [DESKTOP, dark(DESKTOP), PHONE, dark(PHONE)];
