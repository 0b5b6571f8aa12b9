# Who uses the Redmine of the tests: an owner, the product with the least rights, and a person.
Setting.rest_api_enabled = "1"
Setting.login_required = "1"
Setting.text_formatting = "textile"
Setting.notified_events = []

manager = Role.find_by!(name: "Manager")
rights = %i[view_issues add_issues edit_own_issues add_issue_notes edit_own_issue_notes]
product = Role.create!(name: "Tickets", assignable: false, permissions: rights)
product.copy_workflow_rules(manager)

users = [["owner", true], ["authzviz", false], ["robin", false]].to_h do |login, is_admin|
  user = User.new(
    firstname: login.capitalize, lastname: "Example", mail: "#{login}@example.org", language: "en", admin: is_admin
  )
  user.login = login
  user.password = SecureRandom.hex(16)
  user.save!
  [login, { "id" => user.id, "key" => user.api_key }]
end
File.write(
  ENV.fetch("ACCOUNTS"), JSON.generate("users" => users, "roles" => { "product" => product.id, "person" => manager.id })
)
