/** Where the agent keeps that it has joined. */
const ENROLLED = '/var/lib/latchkey-agent/config.json';

/**
 * A playbook without a secret: each host that has no agent gets a line of its own, made where Ansible runs.
 *
 * @param options - for `latchkey agents install-command`, words of `[A-Za-z0-9.:/_-]`
 */
export function playbook(options: readonly string[]): readonly string[] {
  const argv = ['latchkey', 'agents', 'install-command', '--json', ...options].map((word) => JSON.stringify(word));
  return `---
# Installs the agent of Latchkey where there is none; again changes nothing. Where Ansible runs, latchkey has to be set up.
- name: The agent of Latchkey
  hosts: all
  gather_facts: false
  become: true
  vars:
    # What a task is given then goes through the connection, and not through a file on the host.
    ansible_pipelining: true
  tasks:
    - name: See whether the agent has joined
      ansible.builtin.stat:
        path: ${ENROLLED}
      register: latchkey_joined

    - name: Install it
      when: not latchkey_joined.stat.exists and not ansible_check_mode
      block:
        - name: Print a line for this host alone
          delegate_to: localhost
          become: false
          ansible.builtin.command:
            argv: [${argv.join(', ')}, "--name", "{{ inventory_hostname }}"]
          register: latchkey_line
          changed_when: false
          failed_when: false
          no_log: true

        - name: Say why there is no line
          ansible.builtin.fail:
            msg: "{{ latchkey_line.stdout | default(latchkey_line.msg, true) }}"
          when: latchkey_line.rc | default(1) != 0

        - name: Run the line
          ansible.builtin.command:
            argv: [sh]
            stdin: "{{ (latchkey_line.stdout | from_json).command }}"
            creates: ${ENROLLED}
          register: latchkey_installed
          failed_when: false
          no_log: true

        - name: Say why it failed
          ansible.builtin.fail:
            msg: "{{ latchkey_installed.stderr | default(latchkey_installed.msg, true) }}"
          when: latchkey_installed.rc | default(1) != 0

        - name: Say what to compare
          ansible.builtin.debug:
            msg: "{{ latchkey_installed.stdout_lines }}"`.split('\n');
}
