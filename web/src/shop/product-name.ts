/** Names of retail exports are in capitals; in sentences they read better. Others stay as they are. */
export function productName(name: string): string {
  if (/[a-z]/.test(name)) return name;
  const words = name.toLowerCase().replaceAll(/\b(cd|diy|uk|usb|s\/\d)\b/g, (word) => word.toUpperCase());
  return words.charAt(0).toUpperCase() + words.slice(1);
}
