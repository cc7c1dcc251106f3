import { palette, theme, type Palette, type Theme } from '../../ui/preferences';

/** A native popover: it closes on Esc and on a press elsewhere without our help. */
export function SettingsMenu() {
  return (
    <>
      <button type="button" class="button button-quiet icon" aria-label="Appearance" title="Appearance" popovertarget="settings">◐</button>
      <div id="settings" popover="auto" class="popover">
        <Choice<Theme> legend="Theme" name="theme" selected={theme.value} onSelect={(value) => { theme.value = value; }} options={{ system: 'As the system', dark: 'Dark', light: 'Light' }} />
        <Choice<Palette> legend="Up and down" name="palette" selected={palette.value} onSelect={(value) => { palette.value = value; }} options={{ 'green-red': 'Green and red', 'blue-orange': 'Blue and orange' }} />
      </div>
    </>
  );
}

interface ChoiceProps<Value extends string> {
  legend: string;
  name: string;
  selected: Value;
  options: Record<Value, string>;
  onSelect: (value: Value) => void;
}

function Choice<Value extends string>({ legend, name, selected, options, onSelect }: ChoiceProps<Value>) {
  return (
    <fieldset>
      <legend>{legend}</legend>
      {(Object.entries(options) as [Value, string][]).map(([value, title]) => (
        <label key={value}><input type="radio" name={name} checked={selected === value} onChange={() => onSelect(value)} /> {title}</label>
      ))}
    </fieldset>
  );
}
