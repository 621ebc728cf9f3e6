// The versions of a comparison as chips: open one, make it the base, take it away.
const make = (tag, name, words) => {
  const node = document.createElement(tag)
  node.className = name
  if (words) node.textContent = words
  return node
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const button = (name, words, label, does, ref) => {
    const node = make("button", name, words)
    node.type = "button"
    node.title = label
    node.setAttribute("aria-label", label)
    node.onclick = () => setTriggerValue(does, ref)
    return node
  }
  const row = make("div", "chips")
  row.setAttribute("role", "list")
  row.setAttribute("aria-label", "Versions compared")
  for (const chip of data.chips) {
    const node = make("div", chip.base ? "chip base" : "chip")
    node.setAttribute("role", "listitem")
    const dot = make("span", "dot")
    dot.style.background = chip.colour
    node.append(dot, button("open", chip.name, `Open ${chip.ref}`, "open", chip.ref))
    if (chip.base) node.append(make("span", "tag", "base"))
    else node.append(button("rebase", "Make base", `Make ${chip.ref} the base`, "base", chip.ref))
    if (data.chips.length > 1) {
      node.append(button("drop", "×", `Take ${chip.ref} away`, "drop", chip.ref))
    }
    row.append(node)
  }
  const old = parentElement.querySelector(".chips")
  if (old) old.replaceWith(row)
  else parentElement.append(row)
}
